/** A user as REST shows it: `curfew.v1.User` in JSON. */
export interface User {
  readonly user_id: string;
  readonly username: string;
  readonly display_name: string;
  readonly roles: readonly string[];
  readonly is_active: boolean;
  /** RFC 3339. */
  readonly created_at: string;
}
