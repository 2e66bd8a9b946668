import type { Texts } from "./texts.js";

/** Chinese (simplified). */
export const zh: Texts = {
  SESSION_INACTIVITY_TIMEOUT: "会话因长时间无操作而过期",
  SESSION_LIMIT_EXCEEDED: "已超过最大并发会话数",
  SESSION_REVOKED_OR_INVALID: "会话已被撤销或无效",
  ACCESS_TOKEN_BLACKLISTED: "访问令牌已被撤销",
  SESSION_EXPIRED: "会话已达到最长有效期",
  ACCESS_TOKEN_EXPIRED: "访问令牌已过期",
  ACCESS_TOKEN_INVALID: "访问令牌无效",
  REFRESH_TOKEN_INVALID: "刷新令牌无效",
  REFRESH_TOKEN_REUSED: "刷新令牌已被使用",
  INVALID_CREDENTIALS: "用户名或密码错误",
  CREDENTIALS_MISSING: "缺少身份验证凭据",
  USER_INACTIVE: "用户无效或已停用",
  TOO_MANY_ATTEMPTS: "尝试次数过多，请稍后再试",
  PERMISSION_DENIED: "权限不足",
  NOT_FOUND: "未找到",
  ALREADY_EXISTS: "已存在",
  INVALID_ARGUMENT: "请求无效",
  DEPENDENCY_UNAVAILABLE: "服务暂时不可用，请重试",
  DEADLINE_EXCEEDED: "请求超时",
  REVISION_OUT_OF_RANGE: "无法从此处恢复数据流",
  WATCH_FELL_BEHIND: "数据流已落后，请恢复",
  UNIMPLEMENTED: "不支持此操作",
  INTERNAL: "内部错误",
  LOGOUT_DONE: "已成功退出登录",
};
