import type { LiveSession } from "./live_session.js";
import { readProblem } from "./problem.js";
import { isAnswer } from "./session_error.js";
import { createSingleFlight } from "./single_flight.js";
import type { User } from "./user.js";

/**
 * Creates the function that requests the signed-in user and shows it in the snapshot. Concurrent calls for one session
 * share a request.
 *
 * @param ask sends the request, and rejects if no user is signed in
 */
export function createUserProfile(
  live: LiveSession,
  ask: () => Promise<Response>,
): () => Promise<User> {
  const share = createSingleFlight<User>(live.lifetime);

  async function load(): Promise<User> {
    const lifetime = live.lifetime();
    try {
      const response = await ask();
      if (!response.ok) throw await readProblem(response);
      const user: User = await response.json();
      if (!lifetime.aborted) live.show({ user, error: null });
      return user;
    } catch (error) {
      if (live.current() !== null && isAnswer(error)) live.show({ error });
      throw error;
    }
  }

  return () => share(load);
}
