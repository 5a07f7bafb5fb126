/**
 * Tag numbers the session layer and the encoder name, and MsgTypes as packed integers.
 * Names are those of the FIX field dictionary.
 */

export const SOH = 0x01;

export const Tag = {
  BeginSeqNo: 7,
  BeginString: 8,
  BodyLength: 9,
  CheckSum: 10,
  ClOrdID: 11,
  EndSeqNo: 16,
  LinesOfText: 33,
  MsgSeqNum: 34,
  MsgType: 35,
  NewSeqNo: 36,
  OrigClOrdID: 41,
  OrigTime: 42,
  PossDupFlag: 43,
  RefSeqNum: 45,
  SenderCompID: 49,
  SenderSubID: 50,
  SendingTime: 52,
  Symbol: 55,
  TargetCompID: 56,
  TargetSubID: 57,
  Text: 58,
  TransactTime: 60,
  Urgency: 61,
  Signature: 89,
  SignatureLength: 93,
  RawDataLength: 95,
  RawData: 96,
  PossResend: 97,
  EncryptMethod: 98,
  HeartBtInt: 108,
  TestReqID: 112,
  OnBehalfOfCompID: 115,
  OnBehalfOfSubID: 116,
  OrigSendingTime: 122,
  GapFillFlag: 123,
  DeliverToCompID: 128,
  DeliverToSubID: 129,
  ResetSeqNumFlag: 141,
  SenderLocationID: 142,
  TargetLocationID: 143,
  OnBehalfOfLocationID: 144,
  DeliverToLocationID: 145,
  Headline: 148,
  LastMsgSeqNumProcessed: 369,
  RefTagID: 371,
  RefMsgType: 372,
  SessionRejectReason: 373,
  BusinessRejectRefID: 379,
  BusinessRejectReason: 380,
  MaxMessageSize: 383,
  NoMsgTypes: 384,
  MsgDirection: 385,
  Username: 553,
  Password: 554,
  NextExpectedMsgSeqNum: 789,
  UserRequestID: 923,
  UserRequestType: 924,
  NewPassword: 925,
  UserStatus: 926,
  UserStatusText: 927,
  ApplVerID: 1128,
  DefaultApplVerID: 1137,
  SessionStatus: 1409,
  NewsID: 1472,
  NewsCategory: 1473,
  NoThrottles: 1610,
  ThrottleAction: 1611,
  ThrottleType: 1612,
  ThrottleNoMsgs: 1613,
  ThrottleTimeInterval: 1614,
  ThrottleTimeUnit: 1615,
  // Ours and Binance's: dictionary/own-messages.ts.
  ReqID: 6136,
  NoLimitIndicators: 25003,
  LimitType: 25004,
  LimitCount: 25005,
  LimitMax: 25006,
  LimitResetInterval: 25007,
  LimitResetIntervalResolution: 25008,
  LimitRate: 25901,
  LimitNextMs: 25902,
  LimitFullMs: 25903,
} as const;

/**
 * A MsgType as one integer, first byte highest: 'D' is 68, 'AE' is 65 × 256 + 69. One to four bytes of printable
 * ASCII; 0 for anything else, which no dictionary knows.
 */
export function msgTypeCode(text: string): number {
  if (text.length === 0 || text.length > 4) return 0;
  let code = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    if (byte <= 0x20 || byte > 0x7e) return 0;
    code = code * 256 + byte;
  }
  return code;
}

/** The same over the bytes [from, to). */
export function msgTypeCodeOf(buf: Uint8Array, from: number, to: number): number {
  if (to <= from || to - from > 4) return 0;
  let code = 0;
  for (let i = from; i < to; i++) {
    const byte = buf[i]!;
    if (byte <= 0x20 || byte > 0x7e) return 0;
    code = code * 256 + byte;
  }
  return code;
}

/** The MsgType of a packed code; '' for 0. */
export function msgTypeText(code: number): string {
  let text = '';
  for (let rest = code; rest > 0; rest = Math.floor(rest / 256)) text = String.fromCharCode(rest % 256) + text;
  return text;
}

export const MsgType = {
  Heartbeat: 0x30,
  TestRequest: 0x31,
  ResendRequest: 0x32,
  Reject: 0x33,
  SequenceReset: 0x34,
  Logout: 0x35,
  ExecutionReport: 0x38,
  OrderCancelReject: 0x39,
  Logon: 0x41,
  News: 0x42,
  NewOrderSingle: 0x44,
  NewOrderList: 0x45,
  OrderCancelRequest: 0x46,
  OrderCancelReplaceRequest: 0x47,
  OrderStatusRequest: 0x48,
  SecurityDefinition: 0x64,
  BusinessMessageReject: 0x6a,
  XmlNonFix: 0x6e,
  UserRequest: 0x4245,
  UserResponse: 0x4246,
  /** XLQ and XLR, of dictionary/own-messages.ts. */
  LimitQuery: 0x584c51,
  LimitResponse: 0x584c52,
} as const;

/** Whether a MsgType belongs to the session layer: Heartbeat to Logout, and Logon. */
export const isSessionType = (code: number): boolean => (code >= 0x30 && code <= 0x35) || code === 0x41;
