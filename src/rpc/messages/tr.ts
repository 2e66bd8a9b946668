import type { Texts } from "./texts.js";

/** Turkish. */
export const tr: Texts = {
  SESSION_INACTIVITY_TIMEOUT: "Oturum, işlem yapılmadığı için sona erdi",
  SESSION_LIMIT_EXCEEDED: "En fazla eşzamanlı oturum sayısı aşıldı",
  SESSION_REVOKED_OR_INVALID: "Oturum iptal edilmiş veya geçersiz",
  ACCESS_TOKEN_BLACKLISTED: "Erişim belirteci iptal edilmiş",
  SESSION_EXPIRED: "Oturum en uzun süresine ulaştı",
  ACCESS_TOKEN_EXPIRED: "Erişim belirtecinin süresi doldu",
  ACCESS_TOKEN_INVALID: "Erişim belirteci geçersiz",
  REFRESH_TOKEN_INVALID: "Yenileme belirteci geçersiz",
  REFRESH_TOKEN_REUSED: "Yenileme belirteci zaten kullanılmış",
  INVALID_CREDENTIALS: "Kullanıcı adı veya parola yanlış",
  CREDENTIALS_MISSING: "Kimlik doğrulama bilgileri eksik",
  USER_INACTIVE: "Kullanıcı geçersiz veya etkin değil",
  TOO_MANY_ATTEMPTS: "Çok fazla deneme yapıldı, daha sonra yeniden deneyin",
  PERMISSION_DENIED: "İzin verilmedi",
  NOT_FOUND: "Bulunamadı",
  ALREADY_EXISTS: "Zaten var",
  INVALID_ARGUMENT: "İstek geçersiz",
  DEPENDENCY_UNAVAILABLE: "Hizmet geçici olarak kullanılamıyor, yeniden deneyin",
  DEADLINE_EXCEEDED: "İstek çok uzun sürdü",
  REVISION_OUT_OF_RANGE: "Akış bu noktadan sürdürülemiyor",
  WATCH_FELL_BEHIND: "Akış geride kaldı, devam ettirin",
  UNIMPLEMENTED: "Bu işlem desteklenmiyor",
  INTERNAL: "İç hata",
  LOGOUT_DONE: "Oturum başarıyla kapatıldı",
};
