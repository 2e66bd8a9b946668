import type { Texts } from "./texts.js";

/** Portuguese. */
export const pt: Texts = {
  SESSION_INACTIVITY_TIMEOUT: "A sessão expirou por inatividade",
  SESSION_LIMIT_EXCEEDED: "O número máximo de sessões simultâneas foi excedido",
  SESSION_REVOKED_OR_INVALID: "A sessão foi revogada ou é inválida",
  ACCESS_TOKEN_BLACKLISTED: "O token de acesso foi revogado",
  SESSION_EXPIRED: "A sessão atingiu a duração máxima",
  ACCESS_TOKEN_EXPIRED: "O token de acesso expirou",
  ACCESS_TOKEN_INVALID: "O token de acesso é inválido",
  REFRESH_TOKEN_INVALID: "O token de atualização é inválido",
  REFRESH_TOKEN_REUSED: "O token de atualização já foi utilizado",
  INVALID_CREDENTIALS: "O nome de usuário ou a senha estão incorretos",
  CREDENTIALS_MISSING: "As credenciais de autenticação estão ausentes",
  USER_INACTIVE: "O usuário é inválido ou está inativo",
  TOO_MANY_ATTEMPTS: "Tentativas demais, tente novamente mais tarde",
  PERMISSION_DENIED: "Permissão negada",
  NOT_FOUND: "Não encontrado",
  ALREADY_EXISTS: "Já existe",
  INVALID_ARGUMENT: "A solicitação é inválida",
  DEPENDENCY_UNAVAILABLE: "O serviço está temporariamente indisponível, tente novamente",
  DEADLINE_EXCEEDED: "A solicitação demorou demais",
  REVISION_OUT_OF_RANGE: "Não é possível retomar o fluxo a partir deste ponto",
  WATCH_FELL_BEHIND: "O fluxo ficou atrasado, retome-o",
  UNIMPLEMENTED: "Esta operação não é suportada",
  INTERNAL: "Erro interno",
  LOGOUT_DONE: "Sessão encerrada com sucesso",
};
