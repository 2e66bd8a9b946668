/** A compiled path template of `google.api.http`. */
export interface PathTemplate {
  /** As written in the annotation. */
  readonly source: string;
  /** Equal for templates that match the same paths, whatever their variables are called. */
  readonly shape: string;
  /** Whether it matches one path only: its source. */
  readonly fixed: boolean;
  /** Field paths of its variables, in order. */
  readonly variables: readonly string[];
  /** Greater wins where several templates match one path. */
  readonly specificity: number;
  /**
   * Values of the variables, still percent-encoded, for a path without query;
   * undefined if it does not match.
   */
  match(path: string): readonly string[] | undefined;
}

const VARIABLE = /\{([a-z0-9_.]+)(?:=([^{}]+))?\}/gi;
const VERB = /:([^/:{}]+)$/;

const escaped = (literal: string): string => literal.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

const segmentPattern = (segment: string): string => {
  if (segment === "**") return ".*";
  return segment === "*" ? "[^/]+" : escaped(segment);
};

const segmentsPattern = (segments: string): string =>
  segments.split("/").map(segmentPattern).join("/");

/**
 * Compiles a template: literals, `*`, `**`, `{field}`, `{field=segments}` and a
 * final `:verb`.
 *
 * Source: the grammar in google/api/http.proto.
 *
 * @throws Error if the template is malformed
 */
export const compileTemplate = (source: string): PathTemplate => {
  const verb = VERB.exec(source)?.[1];
  const path = verb === undefined ? source : source.slice(0, -verb.length - 1);
  const variables: string[] = [];
  let pattern = "";
  let literals = verb?.length ?? 0;
  let end = 0;
  const literal = (text: string): void => {
    if (/[{}=]/.test(text)) throw new Error(`malformed path template "${source}"`);
    literals += text.replaceAll("*", "").length;
    pattern += segmentsPattern(text);
  };
  for (const found of path.matchAll(VARIABLE)) {
    literal(path.slice(end, found.index));
    variables.push(found[1] ?? "");
    pattern += `(${segmentsPattern(found[2] ?? "*")})`;
    end = found.index + found[0].length;
  }
  literal(path.slice(end));
  if (!source.startsWith("/")) throw new Error(`path template "${source}" must start with "/"`);
  const regex = new RegExp(`^${pattern}${verb === undefined ? "" : `:${escaped(verb)}`}$`);
  return {
    source,
    shape: regex.source,
    fixed: !source.includes("*") && variables.length === 0,
    variables,
    specificity: literals + (verb === undefined ? 0 : 1),
    match: (candidate) => regex.exec(candidate)?.slice(1),
  };
};
