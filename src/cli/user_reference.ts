import type { User } from "../../generated/curfew/v1/user.js";
import { foldUsername } from "../core/users/user.js";
import { CommandFailure } from "./command_failure.js";
import type { Connection } from "./rpc/connection.js";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PAGE = 1_000;

/** All users by name, a page at a time. */
export async function* eachUser(connection: Connection, pageSize = PAGE): AsyncGenerator<User> {
  const list = connection.users.listUsers.bind(connection.users);
  let pageToken = "";
  do {
    const page = await connection.call(list, { pageSize, pageToken });
    yield* page.users;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

/** The id of the user that an operator means by an id or a name. */
export const userIdOf = async (connection: Connection, reference: string): Promise<string> => {
  if (UUID.test(reference)) return reference;
  const folded = foldUsername(reference);
  for await (const user of eachUser(connection)) {
    if (foldUsername(user.username) === folded) return user.userId;
  }
  throw new CommandFailure(`There is no user ${reference}: see \`curfew users list\`.`);
};
