/** What bodies may look like; what the values may be is the runtime's to judge, which names the option. */

/** JSON Schema. */
type Schema = Readonly<Record<string, unknown>>;

const text = { type: 'string' };
const integer = { type: 'integer' };
const texts = { type: 'object', additionalProperties: text, maxProperties: 10_000 };
const listOfTexts = { type: 'array', items: text, maxItems: 10_000 };

const limits = {
  type: 'object',
  additionalProperties: false,
  properties: {
    memoryBytes: integer,
    cpus: { type: 'number' },
    pids: integer,
    rootBytes: integer,
    bestEffort: { type: 'boolean' },
  },
};

/** NetworkRules of the runtime. */
export const networkRulesSchema: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: { allow: listOfTexts, deny: listOfTexts },
};

const volume = {
  type: 'object',
  additionalProperties: false,
  required: ['source', 'target'],
  properties: { source: text, target: text, readOnly: { type: 'boolean' } },
};

/** SandboxSpec of the runtime. */
export const sandboxSpecSchema: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    id: text,
    image: text,
    env: texts,
    user: text,
    cwd: text,
    hostname: text,
    limits,
    network: { anyOf: [text, networkRulesSchema] },
    root: text,
    volumes: { type: 'array', items: volume, maxItems: 1000 },
    metadata: texts,
    timeoutMs: { type: ['integer', 'null'] },
    onTimeout: text,
    noNewPrivileges: { type: 'boolean' },
  },
};

/** A size of a terminal. */
export const resizeSchema: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['columns', 'rows'],
  properties: { columns: integer, rows: integer },
};

/** ExecRequest of views.ts. */
export const execRequestSchema: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['command'],
  properties: {
    command: { type: 'array', items: text, minItems: 1, maxItems: 100_000 },
    options: {
      type: 'object',
      additionalProperties: false,
      properties: {
        cwd: text,
        env: texts,
        user: text,
        tag: text,
        stdin: { enum: ['ignore', 'pipe'] },
        tty: resizeSchema,
        timeoutMs: integer,
        killGraceMs: integer,
      },
    },
  },
};

export const timeoutSchema: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['timeoutMs'],
  properties: { timeoutMs: { type: ['integer', 'null'] } },
};

export const signalSchema: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['signal'],
  properties: { signal: { type: 'string', maxLength: 16 } },
};

export const closeOutputSchema: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['stream'],
  properties: { stream: { enum: ['stdout', 'stderr'] } },
};

export const renameSchema: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['from', 'to'],
  properties: { from: text, to: text },
};

/** The value as base64; null removes the attribute. */
export const attributeSchema: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'value'],
  properties: { name: text, value: { type: ['string', 'null'], pattern: '^[A-Za-z0-9+/]*={0,2}$' } },
};
