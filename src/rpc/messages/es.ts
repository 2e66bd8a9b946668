import type { Texts } from "./texts.js";

/** Spanish. */
export const es: Texts = {
  SESSION_INACTIVITY_TIMEOUT: "La sesión ha expirado por inactividad",
  SESSION_LIMIT_EXCEEDED: "Se ha superado el número máximo de sesiones simultáneas",
  SESSION_REVOKED_OR_INVALID: "La sesión ha sido revocada o no es válida",
  ACCESS_TOKEN_BLACKLISTED: "El token de acceso ha sido revocado",
  SESSION_EXPIRED: "La sesión ha alcanzado su duración máxima",
  ACCESS_TOKEN_EXPIRED: "El token de acceso ha caducado",
  ACCESS_TOKEN_INVALID: "El token de acceso no es válido",
  REFRESH_TOKEN_INVALID: "El token de actualización no es válido",
  REFRESH_TOKEN_REUSED: "El token de actualización ya se ha utilizado",
  INVALID_CREDENTIALS: "El nombre de usuario o la contraseña no son correctos",
  CREDENTIALS_MISSING: "Faltan las credenciales de autenticación",
  USER_INACTIVE: "El usuario no es válido o está inactivo",
  TOO_MANY_ATTEMPTS: "Demasiados intentos, inténtelo de nuevo más tarde",
  PERMISSION_DENIED: "Permiso denegado",
  NOT_FOUND: "No encontrado",
  ALREADY_EXISTS: "Ya existe",
  INVALID_ARGUMENT: "La solicitud no es válida",
  DEPENDENCY_UNAVAILABLE: "El servicio no está disponible temporalmente, inténtelo de nuevo",
  DEADLINE_EXCEEDED: "La solicitud ha tardado demasiado",
  REVISION_OUT_OF_RANGE: "La transmisión no se puede reanudar desde este punto",
  WATCH_FELL_BEHIND: "La transmisión se ha retrasado; reanúdela",
  UNIMPLEMENTED: "Esta operación no es compatible",
  INTERNAL: "Error interno",
  LOGOUT_DONE: "Sesión cerrada correctamente",
};
