/** Ways to spoil what is asked of the store: conditions left out, rows left out. */
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { JOURNAL_FENCE } from '../adapters/dynamodb/edges.ts';
import type { Tamper } from './store/client.ts';
import type { Change, ChangeKind } from './store/tables.ts';

type Spoiled = (kind: ChangeKind, change: Change) => Change | undefined;

const KINDS: Readonly<Record<string, ChangeKind>> = {
  PutItemCommand: 'Put',
  UpdateItemCommand: 'Update',
  DeleteItemCommand: 'Delete',
};

/** Each write by itself, in a transaction or alone. @param spoil gives undefined for one that is left out of its transaction */
export function spoiling(spoil: Spoiled): Tamper {
  return (command, input) => {
    const kind = KINDS[command];
    if (kind !== undefined) return spoil(kind, input as Change) ?? input;
    if (command !== 'TransactWriteItemsCommand') return input;
    const { TransactItems, ...rest } = input as { TransactItems: readonly TransactWriteItem[] };
    const items = TransactItems.flatMap((item) => {
      const [[name, change]] = Object.entries(item) as [[ChangeKind, Change]];
      const spoiled = spoil(name, change);
      return spoiled === undefined ? [] : [{ [name]: spoiled }];
    });
    return { ...rest, TransactItems: items };
  };
}

export const sortKeyOf = ({ Key, Item }: Change): string => (Key ?? Item)?.sk?.S ?? '';

/** That an incarnation of an edge counts; whoever writes asks one of its copies. */
export const isFence = (change: Change): boolean => sortKeyOf(change).startsWith('FENCE#');

/** The one that journals ask. */
export const isJournalFence = (change: Change): boolean => sortKeyOf(change) === `FENCE#${JOURNAL_FENCE}`;

export function unconditional(change: Change): Change {
  const { ConditionExpression: _, ...rest } = change;
  return rest;
}
