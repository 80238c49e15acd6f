import { describeLacks } from './image-contents.ts';
import { baseName, type Template } from './template.ts';

/** `base` until it has been built: the image `host`, whose generated /etc has the same user and home. */
export function hostAsBase(hostRoot = '/'): Template {
  const lacks = describeLacks(hostRoot);
  return {
    id: baseName,
    name: baseName,
    aliases: [],
    image: 'host',
    defaultUser: 'user',
    description: `this host's own programs${lacks}; \`hatchery image base\` builds the real one`,
    createdAt: new Date(0),
  };
}
