import type { Texts } from "./texts.js";

/** Arabic. */
export const ar: Texts = {
  SESSION_INACTIVITY_TIMEOUT: "انتهت صلاحية الجلسة بسبب عدم النشاط",
  SESSION_LIMIT_EXCEEDED: "تم تجاوز الحد الأقصى لعدد الجلسات المتزامنة",
  SESSION_REVOKED_OR_INVALID: "تم إلغاء الجلسة أو أنها غير صالحة",
  ACCESS_TOKEN_BLACKLISTED: "تم إلغاء رمز الوصول",
  SESSION_EXPIRED: "بلغت الجلسة مدتها القصوى",
  ACCESS_TOKEN_EXPIRED: "انتهت صلاحية رمز الوصول",
  ACCESS_TOKEN_INVALID: "رمز الوصول غير صالح",
  REFRESH_TOKEN_INVALID: "رمز التحديث غير صالح",
  REFRESH_TOKEN_REUSED: "تم استخدام رمز التحديث من قبل",
  INVALID_CREDENTIALS: "اسم المستخدم أو كلمة المرور غير صحيحة",
  CREDENTIALS_MISSING: "بيانات المصادقة مفقودة",
  USER_INACTIVE: "المستخدم غير صالح أو غير نشط",
  TOO_MANY_ATTEMPTS: "محاولات كثيرة جدًا، حاول مرة أخرى لاحقًا",
  PERMISSION_DENIED: "تم رفض الإذن",
  NOT_FOUND: "غير موجود",
  ALREADY_EXISTS: "موجود بالفعل",
  INVALID_ARGUMENT: "الطلب غير صالح",
  DEPENDENCY_UNAVAILABLE: "الخدمة غير متاحة مؤقتًا، حاول مرة أخرى",
  DEADLINE_EXCEEDED: "استغرق الطلب وقتًا طويلاً جدًا",
  REVISION_OUT_OF_RANGE: "لا يمكن استئناف البث من هذه النقطة",
  WATCH_FELL_BEHIND: "تأخر البث، يرجى استئنافه",
  UNIMPLEMENTED: "هذه العملية غير مدعومة",
  INTERNAL: "خطأ داخلي",
  LOGOUT_DONE: "تم تسجيل الخروج بنجاح",
};
