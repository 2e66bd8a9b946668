/** The cookies of a `Cookie` header, by name. */
export function cookiesOf(header: string | undefined): Map<string, string> {
  return new Map(
    (header ?? "").split("; ").map((pair) => {
      const separator = pair.indexOf("=");
      return [pair.slice(0, separator), pair.slice(separator + 1)];
    }),
  );
}
