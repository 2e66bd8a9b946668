import type { Texts } from "./texts.js";

/** Italian. */
export const it: Texts = {
  SESSION_INACTIVITY_TIMEOUT: "Sessione scaduta per inattività",
  SESSION_LIMIT_EXCEEDED: "Numero massimo di sessioni simultanee superato",
  SESSION_REVOKED_OR_INVALID: "La sessione è stata revocata o non è valida",
  ACCESS_TOKEN_BLACKLISTED: "Il token di accesso è stato revocato",
  SESSION_EXPIRED: "La sessione ha raggiunto la durata massima",
  ACCESS_TOKEN_EXPIRED: "Il token di accesso è scaduto",
  ACCESS_TOKEN_INVALID: "Il token di accesso non è valido",
  REFRESH_TOKEN_INVALID: "Il token di aggiornamento non è valido",
  REFRESH_TOKEN_REUSED: "Il token di aggiornamento è già stato utilizzato",
  INVALID_CREDENTIALS: "Il nome utente o la password non sono corretti",
  CREDENTIALS_MISSING: "Mancano le credenziali di autenticazione",
  USER_INACTIVE: "L'utente non è valido o non è attivo",
  TOO_MANY_ATTEMPTS: "Troppi tentativi, riprova più tardi",
  PERMISSION_DENIED: "Autorizzazione negata",
  NOT_FOUND: "Non trovato",
  ALREADY_EXISTS: "Esiste già",
  INVALID_ARGUMENT: "La richiesta non è valida",
  DEPENDENCY_UNAVAILABLE: "Il servizio è temporaneamente non disponibile, riprova",
  DEADLINE_EXCEEDED: "La richiesta ha impiegato troppo tempo",
  REVISION_OUT_OF_RANGE: "Impossibile riprendere il flusso da questo punto",
  WATCH_FELL_BEHIND: "Il flusso è rimasto indietro, riprenderlo",
  UNIMPLEMENTED: "Questa operazione non è supportata",
  INTERNAL: "Errore interno",
  LOGOUT_DONE: "Disconnessione riuscita",
};
