/**
 * Fields of a document that a validator never asks for. Kubernetes' schemas name what may be there and are silent about the rest,
 * which `kubectl apply` refuses by name and an older one drops; a field with a typing error is such a one.
 */
export function unknownFields(document: unknown, validate: (document: unknown) => void): string[] {
  const asked = new Set<string>();
  validate(watched(document, '', asked));
  return pathsOf(document, '').filter((path) => !asked.has(path));
}

function watched(value: unknown, path: string, asked: Set<string>): unknown {
  if (value === null || typeof value !== 'object') return value;
  return new Proxy(value, {
    get(target, name, receiver) {
      const field: unknown = Reflect.get(target, name, receiver);
      if (typeof name !== 'string' || !Object.hasOwn(target, name)) return field;
      const at = `${path}/${name}`;
      asked.add(at);
      return watched(field, at, asked);
    },
  });
}

function pathsOf(value: unknown, path: string): string[] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, field]) => [`${path}/${name}`, ...pathsOf(field, `${path}/${name}`)]);
}
