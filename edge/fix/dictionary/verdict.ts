/** What validation is asked and what it answers. */

/** SessionRejectReason (373) of FIX 4.4 and later; the session layer leaves out what a version does not have. */
export const Reason = {
  None: -1,
  InvalidTagNumber: 0,
  RequiredTagMissing: 1,
  TagNotDefinedForMessage: 2,
  UndefinedTag: 3,
  TagWithoutValue: 4,
  ValueIncorrect: 5,
  IncorrectFormat: 6,
  InvalidMsgType: 11,
  TagAppearsMoreThanOnce: 13,
  TagOutOfOrder: 14,
  GroupFieldsOutOfOrder: 15,
  IncorrectNumInGroup: 16,
  Other: 99,
} as const;

/** Text (58) for each reason. */
export const REASON_TEXT: Readonly<Record<number, string>> = {
  0: 'Invalid tag number',
  1: 'Required tag missing',
  2: 'Tag not defined for this message type',
  3: 'Undefined tag',
  4: 'Tag specified without a value',
  5: 'Value is incorrect (out of range) for this tag',
  6: 'Incorrect data format for value',
  11: 'Invalid MsgType',
  13: 'Tag appears more than once',
  14: 'Tag specified out of required order',
  15: 'Repeating group fields out of order',
  16: 'Incorrect NumInGroup count for repeating group',
  99: 'Too many fields',
};

/** The settings of a session profile that rule validation; names are QuickFIX's in snake case. */
export interface ValidationOptions {
  readonly validate_fields_out_of_order: boolean;
  readonly validate_fields_have_values: boolean;
  readonly validate_user_defined_fields: boolean;
  readonly validate_unordered_group_fields: boolean;
  readonly allow_unknown_msg_fields: boolean;
}

/** QuickFIX's defaults. */
export const DEFAULT_VALIDATION: ValidationOptions = {
  validate_fields_out_of_order: true,
  validate_fields_have_values: true,
  validate_user_defined_fields: true,
  validate_unordered_group_fields: true,
  allow_unknown_msg_fields: false,
};

/** The first mistake of a message, reused from message to message. */
export class Verdict {
  /** SessionRejectReason (373), or {@link Reason.None} when the message is fine. */
  reason: number = Reason.None;
  /** RefTagID (371), may be negative; 0 with reason 0 is the tag 0, with reason 11 and 99 it names nothing. */
  refTagId = 0;

  get ok(): boolean {
    return this.reason === Reason.None;
  }

  /** Text (58) of the mistake. */
  get text(): string {
    return REASON_TEXT[this.reason] ?? '';
  }

  /** Whether 371 belongs in the Reject. */
  get namesTag(): boolean {
    return this.reason >= 0 && this.reason !== Reason.InvalidMsgType && this.reason !== Reason.Other;
  }
}
