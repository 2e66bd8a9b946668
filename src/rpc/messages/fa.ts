import type { Texts } from "./texts.js";

/** Persian. */
export const fa: Texts = {
  SESSION_INACTIVITY_TIMEOUT: "نشست به دلیل عدم فعالیت منقضی شد",
  SESSION_LIMIT_EXCEEDED: "تعداد نشست‌های هم‌زمان از حد مجاز فراتر رفته است",
  SESSION_REVOKED_OR_INVALID: "نشست لغو شده یا نامعتبر است",
  ACCESS_TOKEN_BLACKLISTED: "توکن دسترسی لغو شده است",
  SESSION_EXPIRED: "نشست به حداکثر مدت خود رسیده است",
  ACCESS_TOKEN_EXPIRED: "توکن دسترسی منقضی شده است",
  ACCESS_TOKEN_INVALID: "توکن دسترسی نامعتبر است",
  REFRESH_TOKEN_INVALID: "توکن تازه‌سازی نامعتبر است",
  REFRESH_TOKEN_REUSED: "توکن تازه‌سازی قبلاً استفاده شده است",
  INVALID_CREDENTIALS: "نام کاربری یا گذرواژه نادرست است",
  CREDENTIALS_MISSING: "اطلاعات احراز هویت ارسال نشده است",
  USER_INACTIVE: "کاربر نامعتبر یا غیرفعال است",
  TOO_MANY_ATTEMPTS: "تعداد تلاش‌ها بیش از حد است، بعداً دوباره تلاش کنید",
  PERMISSION_DENIED: "دسترسی مجاز نیست",
  NOT_FOUND: "یافت نشد",
  ALREADY_EXISTS: "از قبل وجود دارد",
  INVALID_ARGUMENT: "درخواست نامعتبر است",
  DEPENDENCY_UNAVAILABLE: "سرویس موقتاً در دسترس نیست، دوباره تلاش کنید",
  DEADLINE_EXCEEDED: "درخواست بیش از حد طول کشید",
  REVISION_OUT_OF_RANGE: "ادامهٔ جریان از این نقطه ممکن نیست",
  WATCH_FELL_BEHIND: "جریان عقب مانده است، آن را از سر بگیرید",
  UNIMPLEMENTED: "این عملیات پشتیبانی نمی‌شود",
  INTERNAL: "خطای داخلی",
  LOGOUT_DONE: "خروج با موفقیت انجام شد",
};
