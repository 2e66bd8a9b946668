import type { Texts } from "./texts.js";

/** Russian. */
export const ru: Texts = {
  SESSION_INACTIVITY_TIMEOUT: "Сеанс завершён из-за бездействия",
  SESSION_LIMIT_EXCEEDED: "Превышено максимальное число одновременных сеансов",
  SESSION_REVOKED_OR_INVALID: "Сеанс отозван или недействителен",
  ACCESS_TOKEN_BLACKLISTED: "Токен доступа отозван",
  SESSION_EXPIRED: "Сеанс достиг максимальной продолжительности",
  ACCESS_TOKEN_EXPIRED: "Срок действия токена доступа истёк",
  ACCESS_TOKEN_INVALID: "Токен доступа недействителен",
  REFRESH_TOKEN_INVALID: "Токен обновления недействителен",
  REFRESH_TOKEN_REUSED: "Токен обновления уже использован",
  INVALID_CREDENTIALS: "Неверное имя пользователя или пароль",
  CREDENTIALS_MISSING: "Отсутствуют учётные данные",
  USER_INACTIVE: "Пользователь недействителен или неактивен",
  TOO_MANY_ATTEMPTS: "Слишком много попыток, повторите позже",
  PERMISSION_DENIED: "Доступ запрещён",
  NOT_FOUND: "Не найдено",
  ALREADY_EXISTS: "Уже существует",
  INVALID_ARGUMENT: "Недопустимый запрос",
  DEPENDENCY_UNAVAILABLE: "Сервис временно недоступен, повторите попытку",
  DEADLINE_EXCEEDED: "Запрос выполнялся слишком долго",
  REVISION_OUT_OF_RANGE: "Невозможно возобновить поток с этого места",
  WATCH_FELL_BEHIND: "Поток отстал, возобновите его",
  UNIMPLEMENTED: "Эта операция не поддерживается",
  INTERNAL: "Внутренняя ошибка",
  LOGOUT_DONE: "Вы успешно вышли из системы",
};
