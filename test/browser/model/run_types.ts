/** The features that a browser of a run has or lacks. */
export interface RunKind {
  readonly mode: "cookie" | "bearer";
  readonly hasLocks: boolean;
  readonly channel: "works" | "throws" | "missing";
  /** Whether the last page is of another application: it shares cookies alone. */
  readonly hasOtherApplication: boolean;
  readonly pages: number;
}

/** A step of a run. */
export type RunStep =
  | { readonly do: "login"; readonly page: number; readonly user: string }
  | {
      readonly do:
        | "get"
        | "post"
        | "refresh"
        | "logout"
        | "adopt"
        | "reload"
        | "close"
        | "hold"
        | "release";
      readonly page: number;
    }
  | { readonly do: "end" | "clear cookies" }
  | {
      readonly do:
        | "offline"
        | "online"
        | "lose"
        | "clear storage"
        | "storage fails"
        | "storage works"
        | "wake";
    }
  | { readonly do: "foreign"; readonly status: number }
  | { readonly do: "jump"; readonly seconds: number };

/** An order to the site. */
export type Control =
  | { readonly do: "reset" | "state" }
  | { readonly do: "end" | "clear cookies" }
  | { readonly do: "jump"; readonly seconds: number }
  | { readonly do: "hold" | "release"; readonly page?: number };

/** The state of the site. */
export interface SiteState {
  readonly sessions: readonly {
    readonly id: string;
    readonly userId: string;
    readonly ended: string | null;
  }[];
  readonly acts: readonly { readonly as: string; readonly shown: string | undefined }[];
  readonly reuses: readonly string[];
  readonly rotations: number;
}

/** The display of a page, and its events during the step. */
export interface PageTrace {
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly events: readonly { readonly type: string; readonly code?: string }[];
}

/** The effects of a step. */
export interface StepTrace {
  readonly pages: readonly PageTrace[];
  readonly state: SiteState;
  /** The problems that the driver itself found. */
  readonly wrong: readonly string[];
}

/** The state of a page at the end, after recovery. */
export interface EndTrace {
  readonly status: string;
  readonly session: string | undefined;
  /** HTTP status of a POST, or the code it failed with. */
  readonly answer: number | string;
}

/** A whole run. */
export interface RunTrace {
  readonly steps: readonly StepTrace[];
  readonly end: readonly EndTrace[];
  readonly state: SiteState;
}
