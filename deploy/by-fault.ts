/**
 * Rights that the code calls, but not in a rehearsal where all goes well: races, lost answers, what comes after a crash, and what
 * takes more time or size than a rehearsal has. test/deploy/by-fault.test.ts makes each call.
 */
export interface FaultRight {
  /** As in deploy/access.ts: role, resource, action. */
  readonly right: string;
  readonly when: string;
}

const LOST_ANSWER = 'a change meets another one, or its answer is lost: whether its record stands is looked at';
const BETWEEN = 'sessions that began while a change was made are told of it; so are edges beyond fifty';

export const BY_FAULT: readonly FaultRight[] = [
  ...['Functionpolicy', 'Functionsessions', 'CanaryUser', 'PreparationFunction', 'TaskTask', 'BreakGlass'].map(
    (role) => ({
      right: `${role} table audit dynamodb:GetItem`,
      when: LOST_ANSWER,
    }),
  ),
  ...['Functioncredentials', 'Functionpolicy', 'CanaryUser', 'BreakGlass'].map((role) => ({
    right: `${role} table sessions dynamodb:BatchWriteItem`,
    when: BETWEEN,
  })),
  {
    right: 'TaskTask table audit dynamodb:Query',
    when: 'the end of the edge’s chain, when its last batch may have been taken',
  },
  {
    right: 'TaskTask table credentials dynamodb:BatchGetItem',
    when: 'whose slots are full is told so of the account as it is',
  },
  {
    right: 'TaskTask table journal dynamodb:ConditionCheckItem',
    when: 'a session is taken from an edge that does not answer',
  },
  { right: 'TaskTask table journal dynamodb:DeleteItem', when: 'a segment of 64 MiB is not needed any more' },
  { right: 'TaskTask table journal dynamodb:BatchWriteItem', when: 'the same: its pieces' },
  { right: 'TaskTask table sessions dynamodb:GetItem', when: 'an edge was declared dead by two at once' },
  {
    right: 'Checkpointer bucket audit/checkpoints/* s3:GetObject',
    when: 'a run ended between keeping a checkpoint and noting it',
  },
];
