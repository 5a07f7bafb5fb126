/** Starts a crowd of clients and tells it what to do. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface CrowdMember {
  readonly sender: string;
  readonly target: string;
  readonly password: string;
}

/** Ports are of the loopback; members take them in turns. */
export type Ask =
  | { readonly do: 'be'; readonly members: readonly CrowdMember[] }
  /** All log on at once, and whoever is not let in tries again. */
  | { readonly do: 'storm'; readonly ports: readonly number[] }
  /** From now on whoever is cut logs on there, a second later, with its numbers going on. */
  | { readonly do: 'comeback'; readonly ports: readonly number[] }
  /** Answered when each has been cut since then and is in again. */
  | { readonly do: 'back' }
  | { readonly do: 'leave' };

/** By member; times are epoch ms with fractions, 0: never. Logons are those sent since the last storm or comeback began. */
export interface Arrivals {
  readonly in_at: readonly number[];
  readonly cut_at: readonly number[];
  readonly logons: readonly number[];
  /** How many were told to go by a Logout since then. */
  readonly told: number;
}

export type Said = { readonly type: 'done' } | ({ readonly type: 'in' } & Arrivals);

export interface Crowd {
  storm(...ports: readonly number[]): Promise<Arrivals>;
  comeBackTo(...ports: readonly number[]): Promise<void>;
  /** Resolves when each has been cut since {@link comeBackTo}, and is in again. */
  comeback(): Promise<Arrivals>;
  leave(): Promise<void>;
  stop(): Promise<void>;
}

/** Whatever is asked of a crowd has come about by then, or never will. */
const PATIENCE_MS = 900_000;

export async function startCrowd(members: readonly CrowdMember[]): Promise<Crowd> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'crowd.ts')], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const gone = once(child, 'exit');
  const asked = async (ask: Ask): Promise<Said> => {
    const heard = once(child, 'message');
    child.send(ask);
    const died = gone.then(([code]) => Promise.reject(new Error(`the crowd ended with ${code}`)));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the crowd has not done its ${ask.do}`)), PATIENCE_MS);
    });
    try {
      const [said] = (await Promise.race([heard, died, late])) as [Said];
      return said;
    } finally {
      clearTimeout(timer);
    }
  };
  const arrivals = async (ask: Ask): Promise<Arrivals> => {
    const said = await asked(ask);
    if (said.type !== 'in') throw new Error(`the crowd said ${said.type}`);
    return said;
  };
  await asked({ do: 'be', members });
  return {
    storm: (...ports) => arrivals({ do: 'storm', ports }),
    comeBackTo: async (...ports) => void (await asked({ do: 'comeback', ports })),
    comeback: () => arrivals({ do: 'back' }),
    leave: async () => void (await asked({ do: 'leave' })),
    stop: async () => {
      child.disconnect();
      await gone;
    },
  };
}
