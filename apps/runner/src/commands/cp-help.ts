/** Behind the options in `hatchery cp --help`. */
export const cpHelp = `
SOURCE or TARGET is SANDBOX:PATH; relative paths there start at the user's home. The
other is a path here (./a:b if it has a colon), or - for standard input or output.

  cp FILE TARGET     TARGET is a directory: FILE in it, under its own name
                     otherwise: TARGET, made or replaced
  cp -r DIR TARGET   TARGET is a directory: DIR in it, under its own name
                     TARGET does not exist: TARGET, with what is in DIR
  cp -r DIR/. TARGET what is in DIR, in TARGET
  cp -r - TARGET     standard input is a tar stream, unpacked into TARGET
  cp -r SOURCE -     a tar stream on standard output

What a copy makes belongs to the sandbox's user, or -u; here to us. Symlinks in a directory
are copied as they are, and nothing is written through one out of TARGET.`;
