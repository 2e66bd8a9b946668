import type { Texts } from "./texts.js";

/** Japanese. */
export const ja: Texts = {
  SESSION_INACTIVITY_TIMEOUT: "一定時間操作がなかったため、セッションの有効期限が切れました",
  SESSION_LIMIT_EXCEEDED: "同時セッション数の上限を超えました",
  SESSION_REVOKED_OR_INVALID: "セッションは取り消されたか、無効です",
  ACCESS_TOKEN_BLACKLISTED: "アクセストークンは取り消されました",
  SESSION_EXPIRED: "セッションが最大有効期間に達しました",
  ACCESS_TOKEN_EXPIRED: "アクセストークンの有効期限が切れました",
  ACCESS_TOKEN_INVALID: "アクセストークンが無効です",
  REFRESH_TOKEN_INVALID: "リフレッシュトークンが無効です",
  REFRESH_TOKEN_REUSED: "リフレッシュトークンはすでに使用されています",
  INVALID_CREDENTIALS: "ユーザー名またはパスワードが正しくありません",
  CREDENTIALS_MISSING: "認証情報がありません",
  USER_INACTIVE: "ユーザーが無効です",
  TOO_MANY_ATTEMPTS: "試行回数が多すぎます。しばらくしてからもう一度お試しください",
  PERMISSION_DENIED: "権限がありません",
  NOT_FOUND: "見つかりません",
  ALREADY_EXISTS: "すでに存在します",
  INVALID_ARGUMENT: "リクエストが無効です",
  DEPENDENCY_UNAVAILABLE: "サービスは一時的に利用できません。もう一度お試しください",
  DEADLINE_EXCEEDED: "リクエストに時間がかかりすぎました",
  REVISION_OUT_OF_RANGE: "この位置からストリームを再開できません",
  WATCH_FELL_BEHIND: "ストリームの受信が遅れています。再開してください",
  UNIMPLEMENTED: "この操作はサポートされていません",
  INTERNAL: "内部エラー",
  LOGOUT_DONE: "ログアウトしました",
};
