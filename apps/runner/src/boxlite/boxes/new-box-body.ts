/** What a create may say. What is not here is refused. */
export interface NewBoxBody {
  name?: string;
  image?: string;
  rootfs_path?: string;
  cpus?: number;
  memory_mib?: number;
  disk_size_gb?: number;
  working_dir?: string;
  env?: Record<string, string>;
  entrypoint?: string[];
  cmd?: string[];
  user?: string;
  labels?: Record<string, string>;
  volumes?: ManagedVolume[];
  network?: {
    outbound?: { mode: Mode; allow_net?: string[] };
    inbound?: { mode: Mode; allow_net?: string[] };
    mode?: Mode;
    allow_net?: string[];
  };
  secrets?: { name: string; value: string; hosts?: string[]; placeholder?: string }[];
  /** A box lives on in any case: it is this server's, not its client's. */
  detach?: boolean;
  tty?: boolean;
  auto_stop?: number;
  auto_delete?: number;
  auto_resume?: boolean;
  advanced?: { capabilities?: { add?: string[]; drop?: string[] } };
}

type Mode = 'enabled' | 'disabled';

export interface ManagedVolume {
  /** Its id, or its name. */
  managed_volume: string;
  guest_path: string;
  read_only?: false;
}

const text = { type: 'string' };
const flag = { type: 'boolean' };
const words = { type: 'array', items: text, maxItems: 10_000 };
const variables = { type: 'object', additionalProperties: text, maxProperties: 10_000 };
const mode = { enum: ['enabled', 'disabled'] };
const ranges = { type: 'array', items: { type: 'string', maxLength: 253 }, maxItems: 1000 };
/** As a timer can count them. */
const seconds = { type: 'integer', minimum: 0, maximum: 2_000_000 };

function shape(properties: object, required: readonly string[] = []): object {
  return { type: 'object', additionalProperties: false, properties, ...(required.length === 0 ? {} : { required }) };
}

const direction = shape({ mode, allow_net: ranges }, ['mode']);

/** JSON Schema. */
export const properties: Readonly<Record<keyof NewBoxBody, object>> = {
  name: { type: 'string', minLength: 1, maxLength: 128, pattern: '^[a-zA-Z0-9][a-zA-Z0-9._-]*$' },
  image: { type: 'string', minLength: 1, maxLength: 255 },
  rootfs_path: text,
  cpus: { type: 'integer', minimum: 1, maximum: 32 },
  memory_mib: { type: 'integer', minimum: 128, maximum: 2 ** 22 },
  disk_size_gb: { type: 'integer', minimum: 1, maximum: 8192 },
  working_dir: text,
  env: variables,
  entrypoint: words,
  cmd: words,
  user: text,
  labels: {
    type: 'object',
    propertyNames: { maxLength: 128 },
    additionalProperties: { type: 'string', maxLength: 256 },
    maxProperties: 64,
  },
  volumes: {
    type: 'array',
    maxItems: 64,
    items: shape(
      {
        managed_volume: { type: 'string', minLength: 1, maxLength: 128 },
        guest_path: text,
        read_only: { enum: [false] },
      },
      ['managed_volume', 'guest_path'],
    ),
  },
  network: shape({ outbound: direction, inbound: direction, mode, allow_net: ranges }),
  secrets: { type: 'array', items: { type: 'object' } },
  detach: flag,
  tty: flag,
  auto_stop: seconds,
  auto_delete: seconds,
  auto_resume: flag,
  advanced: shape({ capabilities: shape({ add: words, drop: words }) }),
};
