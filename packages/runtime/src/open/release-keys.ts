/**
 * Public keys of releases, as `openssl pkey -pubout` writes them without its first and last line. A release build accepts a
 * shim that one of them signed, and no other. A list, so that a new key can come before the old one goes. Empty: no
 * release has been made yet, and every build is a development build.
 */
export const releaseKeys: readonly string[] = [];
