import type { Binding } from "./binding.js";
import type { PathTemplate } from "./path_template.js";
import { methodNotAllowed, ProblemError } from "./problem.js";

interface Resource {
  readonly template: PathTemplate;
  readonly bindings: Map<string, Binding>;
}

/** A binding that a request matched. */
export interface RouteMatch {
  readonly binding: Binding;
  /** Values of the template's variables, percent-encoded, in their order. */
  readonly variables: readonly string[];
}

/** Finds the binding of a request. */
export interface RouteTable {
  /**
   * @param path without query, percent-encoded
   * @throws ProblemError 404 for an unknown path, 405 for a method it does not have
   */
  find(verb: string, path: string): RouteMatch;
  /** Methods of a path; undefined if it is unknown. */
  allowed(path: string): readonly string[] | undefined;
}

const methodsOf = ({ bindings }: Resource): string[] => {
  const verbs = [...bindings.keys()];
  if (bindings.has("GET")) verbs.push("HEAD");
  return [...verbs.sort(), "OPTIONS"];
};

/**
 * A table of all bindings. The most specific template that matches a path
 * decides, so that `/sessions/active` never reads as a session id.
 *
 * @throws Error if two bindings have the same method and path
 */
export const createRouteTable = (bindings: readonly Binding[]): RouteTable => {
  const resources = new Map<string, Resource>();
  for (const binding of bindings) {
    const { template, verb } = binding;
    const resource = resources.get(template.shape) ?? { template, bindings: new Map() };
    if (resource.bindings.has(verb)) {
      throw new Error(`two methods are bound to ${verb} ${template.source}`);
    }
    resource.bindings.set(verb, binding);
    resources.set(template.shape, resource);
  }
  const all = [...resources.values()];
  const fixed = new Map(
    all
      .filter(({ template }) => template.fixed)
      .map((resource) => [resource.template.source, resource]),
  );
  const patterns = all
    .filter(({ template }) => !template.fixed)
    .sort((a, b) => b.template.specificity - a.template.specificity);

  const lookUp = (
    path: string,
  ): { resource: Resource; variables: readonly string[] } | undefined => {
    const resourceAt = fixed.get(path);
    if (resourceAt) return { resource: resourceAt, variables: [] };
    for (const resource of patterns) {
      const variables = resource.template.match(path);
      if (variables) return { resource, variables };
    }
    return undefined;
  };

  return {
    find(verb, path) {
      const found = lookUp(path);
      if (!found) throw new ProblemError(404, "not_found", "There is nothing at this path.");
      const binding = found.resource.bindings.get(verb === "HEAD" ? "GET" : verb);
      if (!binding) throw methodNotAllowed(verb, methodsOf(found.resource));
      return { binding, variables: found.variables };
    },
    allowed(path) {
      const found = lookUp(path);
      return found && methodsOf(found.resource);
    },
  };
};
