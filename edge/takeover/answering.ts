/** Answers what other edges ask about sessions here (core/sessions/model.ts, Question). */

import type { EdgeRegistry } from '../../core/ports.ts';
import type { Answer, Asked } from '../../core/sessions/model.ts';
import type { Clock } from '../../core/time.ts';
import type { House } from '../house.ts';
import { PROBED_MS } from '../limits.ts';
import { probed } from './holders.ts';

export interface AnsweringParts {
  readonly house: Pick<House, 'live' | 'log'>;
  readonly edges: Pick<EdgeRegistry, 'tellAnswer'>;
  readonly clock: Clock;
}

/** Never rejects: an edge that is not answered takes it for a no. */
export function answering({ house, edges, clock }: AnsweringParts): (asked: Asked) => Promise<void> {
  const decided = async (asked: Asked): Promise<Answer> => {
    switch (asked.type) {
      case 'probe': {
        const holder = house.live.get(asked.session_id);
        const there = holder !== undefined && (await probed(holder, PROBED_MS));
        return { said: there ? 'there' : 'gone' };
      }
      case 'yield':
        return { said: 'failed' };
    }
  };
  return async (asked) => {
    const tell = (answer: Answer): Promise<void> => edges.tellAnswer(asked.id, answer, clock.now());
    try {
      const [answer] = await Promise.all([decided(asked), tell({ said: 'acknowledged' })]);
      await tell(answer);
    } catch (error) {
      house.log.warn({ error, asked: asked.type }, 'another edge could not be answered');
    }
  };
}
