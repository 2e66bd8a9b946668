import type { Server } from "@grpc/grpc-js";
import { HealthImplementation, type ServingStatus } from "grpc-health-check";

/** Whether a service can answer now. Called often: it reads known state and makes no query. */
export type IsServing = (service: string) => boolean;

/** `grpc.health.v1.Health`: of each service, and under the empty name of all together. */
export interface Health {
  addTo(server: Pick<Server, "addService">): void;
  /** Looks now, not at the next poll. */
  refresh(): void;
  /** Says NOT_SERVING from now on. */
  stop(): void;
}

const OVERALL = "";

export const health = (
  services: readonly string[],
  isServing: IsServing,
  pollMs: number,
): Health => {
  const implementation = new HealthImplementation();
  const told = new Map<string, ServingStatus>();
  let isStopped = false;

  const tell = (service: string, serving: boolean): void => {
    const status = serving ? "SERVING" : "NOT_SERVING";
    if (told.get(service) === status) return;
    told.set(service, status);
    implementation.setStatus(service, status);
  };

  const refresh = (): void => {
    const answers = services.map((service) => [service, !isStopped && isServing(service)] as const);
    for (const [service, serving] of answers) tell(service, serving);
    tell(OVERALL, !isStopped && answers.every(([, serving]) => serving));
  };

  refresh();
  const timer = setInterval(refresh, pollMs);
  timer.unref();
  return {
    addTo: (server) => implementation.addToServer(server),
    refresh,
    stop: () => {
      clearInterval(timer);
      isStopped = true;
      refresh();
    },
  };
};
