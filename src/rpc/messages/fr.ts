import type { Texts } from "./texts.js";

/** French. */
export const fr: Texts = {
  SESSION_INACTIVITY_TIMEOUT: "La session a expiré pour cause d’inactivité",
  SESSION_LIMIT_EXCEEDED: "Le nombre maximal de sessions simultanées est dépassé",
  SESSION_REVOKED_OR_INVALID: "La session a été révoquée ou n’est pas valide",
  ACCESS_TOKEN_BLACKLISTED: "Le jeton d’accès a été révoqué",
  SESSION_EXPIRED: "La session a atteint sa durée maximale",
  ACCESS_TOKEN_EXPIRED: "Le jeton d’accès a expiré",
  ACCESS_TOKEN_INVALID: "Le jeton d’accès n’est pas valide",
  REFRESH_TOKEN_INVALID: "Le jeton d’actualisation n’est pas valide",
  REFRESH_TOKEN_REUSED: "Le jeton d’actualisation a déjà été utilisé",
  INVALID_CREDENTIALS: "Le nom d’utilisateur ou le mot de passe est incorrect",
  CREDENTIALS_MISSING: "Les informations d’authentification sont manquantes",
  USER_INACTIVE: "L’utilisateur n’est pas valide ou est inactif",
  TOO_MANY_ATTEMPTS: "Trop de tentatives, réessayez plus tard",
  PERMISSION_DENIED: "Autorisation refusée",
  NOT_FOUND: "Introuvable",
  ALREADY_EXISTS: "Existe déjà",
  INVALID_ARGUMENT: "La requête n’est pas valide",
  DEPENDENCY_UNAVAILABLE: "Le service est temporairement indisponible, réessayez",
  DEADLINE_EXCEEDED: "La requête a pris trop de temps",
  REVISION_OUT_OF_RANGE: "Le flux ne peut pas reprendre à partir de ce point",
  WATCH_FELL_BEHIND: "Le flux a pris du retard, reprenez-le",
  UNIMPLEMENTED: "Cette opération n’est pas prise en charge",
  INTERNAL: "Erreur interne",
  LOGOUT_DONE: "Déconnexion réussie",
};
