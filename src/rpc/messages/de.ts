import type { Texts } from "./texts.js";

/** German. */
export const de: Texts = {
  SESSION_INACTIVITY_TIMEOUT: "Die Sitzung ist wegen Inaktivität abgelaufen",
  SESSION_LIMIT_EXCEEDED: "Die Höchstzahl gleichzeitiger Sitzungen ist überschritten",
  SESSION_REVOKED_OR_INVALID: "Die Sitzung wurde widerrufen oder ist ungültig",
  ACCESS_TOKEN_BLACKLISTED: "Das Zugriffstoken wurde widerrufen",
  SESSION_EXPIRED: "Die Sitzung hat ihre maximale Dauer erreicht",
  ACCESS_TOKEN_EXPIRED: "Das Zugriffstoken ist abgelaufen",
  ACCESS_TOKEN_INVALID: "Das Zugriffstoken ist ungültig",
  REFRESH_TOKEN_INVALID: "Das Aktualisierungstoken ist ungültig",
  REFRESH_TOKEN_REUSED: "Das Aktualisierungstoken wurde bereits verwendet",
  INVALID_CREDENTIALS: "Benutzername oder Passwort ist falsch",
  CREDENTIALS_MISSING: "Die Anmeldedaten fehlen",
  USER_INACTIVE: "Der Benutzer ist ungültig oder inaktiv",
  TOO_MANY_ATTEMPTS: "Zu viele Versuche, bitte später erneut versuchen",
  PERMISSION_DENIED: "Zugriff verweigert",
  NOT_FOUND: "Nicht gefunden",
  ALREADY_EXISTS: "Bereits vorhanden",
  INVALID_ARGUMENT: "Die Anfrage ist ungültig",
  DEPENDENCY_UNAVAILABLE: "Der Dienst ist vorübergehend nicht verfügbar, bitte erneut versuchen",
  DEADLINE_EXCEEDED: "Die Anfrage hat zu lange gedauert",
  REVISION_OUT_OF_RANGE: "Der Datenstrom kann an dieser Stelle nicht fortgesetzt werden",
  WATCH_FELL_BEHIND: "Der Datenstrom ist in Rückstand geraten, bitte fortsetzen",
  UNIMPLEMENTED: "Dieser Vorgang wird nicht unterstützt",
  INTERNAL: "Interner Fehler",
  LOGOUT_DONE: "Erfolgreich abgemeldet",
};
