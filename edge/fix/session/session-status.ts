/** SessionStatus (1409), in Logon and Logout since FIXT.1.1. */

export const SessionStatus = {
  /** The field is left out. */
  None: -1,
  Active: 0,
  PasswordChanged: 1,
  PasswordDueToExpire: 2,
  NewPasswordDoesNotComply: 3,
  LogoutComplete: 4,
  InvalidUsernameOrPassword: 5,
  AccountLocked: 6,
  LogonsNotAllowedNow: 7,
  PasswordExpired: 8,
} as const;
