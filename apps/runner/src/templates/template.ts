/** What E2B's clients name when they make a sandbox: an image and who its programs run as. */
export interface Template {
  /** 20 of [a-z0-9]; of `base` its name. */
  readonly id: string;
  /** 1 to 63 of [a-z0-9-], beginning with a letter or digit. */
  readonly name: string;
  /** Other names it answers to. */
  readonly aliases: readonly string[];
  /** `host`, or the absolute path of a root directory without symlinks in it. */
  readonly image: string;
  /** Who runs what names no user: `user` where the image has that account, else `root`. */
  readonly defaultUser: string;
  /** What it is, and what it lacks. */
  readonly description: string;
  readonly createdAt: Date;
}

/** The template that is always there, and that a client gets which names none. */
export const baseName = 'base';

/** Whether a template can be called so. */
export function isTemplateName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,62}$/.test(name);
}
