/**
 * Passwords that everybody tries first, folded. Short ones matter because a
 * repetition of one is no better; the long ones pass a length rule.
 */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(
  `123456 12345678 123456789 1234567890 12345678910 123123123 111111 000000 password password1
  password12 password123 password1234 password12345 password123456 passw0rd p@ssw0rd p@ssword
  qwerty qwerty123 qwertyuiop qwertyuiop123 qwertyuiopasdfgh qwertyuiopasdfghjkl
  qwertyuiopasdfghjklzxcvbnm asdfghjkl asdfghjklqwerty zxcvbnm 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y
  1qaz2wsx 1qaz2wsx3edc 1qaz2wsx3edc4rfv qazwsxedc qazwsxedcrfvtgb iloveyou iloveyou123 admin admin123 administrator
  administrator1 welcome welcome1 welcome123 letmein monkey dragon football baseball superman batman
  sunshine princess trustno1 master shadow michael jordan changeme changeme123 changemechangeme
  secret secret123 default guest test test1234 testtest abc123 abcd1234 abcdefgh abcdefghijklmno
  abcdefghijklmnop abcdefghijklmnopqrstuvwxyz 0123456789 012345678901234 0123456789012345
  123456789012345 1234567890123456 1234567890abcdef 0123456789abcdef 123456789abcdefg
  correcthorsebatterystaple correct horse battery staple thisismypassword thisisapassword
  mypasswordispassword ilovemypassword passwordpassword adminadminadmin curfew curfewcurfewcurfew
  aaaaaaaaaaaaaaa 111111111111111 000000000000000`
    .split(/\s+/)
    .filter((word) => word !== "")
    .concat("correct horse battery staple", "the quick brown fox", "the quick brown fox jumps"),
);
