import { Ajv } from 'ajv';

/** Nothing is coerced or dropped: what is not as it should be is refused. */
const ajv = new Ajv({ allowUnionTypes: true });

/** A check of values against a schema, which says what is wrong, or null. It never repeats the value: that may be a secret. */
export function compileValidator(schema: object): (value: unknown) => string | null {
  const validate = ajv.compile(schema);
  return (value) => {
    if (validate(value)) return null;
    const [first] = validate.errors ?? [];
    const extra: unknown = first?.params['additionalProperty'];
    const where = first?.instancePath.slice(1).replaceAll('/', '.') || 'the value';
    return `${where} ${first?.message ?? 'is wrong'}${typeof extra === 'string' ? `: "${extra.slice(0, 64)}"` : ''}`;
  };
}
