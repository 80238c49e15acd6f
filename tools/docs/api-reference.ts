import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Application, Comment, type DeclarationReflection, Logger, LogLevel, type ProjectReflection } from 'typedoc';

interface PublishedPackage {
  readonly name: string;
  readonly description: string;
  /** Absolute path of the source of its one entry point. */
  readonly entry: string;
}

/** What typedoc has to say, as sentences; a warning counts as much as an error. */
class Complaints extends Logger {
  readonly sentences: string[] = [];

  override log(message: string, level: LogLevel): void {
    super.log(message, level);
    if (level >= LogLevel.Warn) this.sentences.push(message);
  }
}

/**
 * Writes the API reference of every published package of `root` into `out`, as HTML. The problems, one sentence each: an
 * export without a docstring, a type that an export uses and nobody can see, a link to nothing.
 *
 * @param tsconfig of a program with the entry points in it
 */
export async function buildReference(root: string, tsconfig: string, out: string): Promise<string[]> {
  const packages = publishedPackages(root);
  const app = await Application.bootstrap({
    name: 'hatchery',
    tsconfig,
    basePath: root,
    entryPoints: packages.map(({ entry }) => entry),
    readme: 'none',
    // The check's own step compiles them.
    skipErrorChecking: true,
    // Members that come from Node's own classes are described by Node.
    excludeExternals: true,
    excludeInternal: true,
    disableGit: true,
    sourceLinkTemplate: '{path}:{line}',
    validation: { notExported: true, notDocumented: true, invalidLink: true, invalidPath: true, rewrittenLink: true },
  });
  const complaints = new Complaints();
  app.logger = complaints;
  const project = await app.convert();
  if (project === undefined) return [...complaints.sentences, 'the reference could not be built'];
  nameModules(project, packages);
  validate(app, project, packages);
  await app.generateDocs(project, out);
  // What is wrong whatever package has its turn is told in each.
  return [...new Set(complaints.sentences)];
}

function publishedPackages(root: string): PublishedPackage[] {
  return readdirSync(join(root, 'packages')).flatMap((directory) => {
    const at = (path: string): string => join(root, 'packages', directory, path);
    if (!existsSync(at('package.json'))) return [];
    const manifest = JSON.parse(readFileSync(at('package.json'), 'utf8')) as {
      name: string;
      description?: string;
      private?: boolean;
    };
    if (manifest.private === true || !existsSync(at('src/index.ts'))) return [];
    return { name: manifest.name, description: manifest.description ?? '', entry: at('src/index.ts') };
  });
}

/** By the names that they are imported by, with the sentence of their manifests. */
function nameModules(project: ProjectReflection, packages: readonly PublishedPackage[]): void {
  for (const module of project.children ?? []) {
    const found = packages.find(({ entry }) => entry === sourceOf(module));
    if (found === undefined) continue;
    module.name = found.name;
    module.comment ??= new Comment([{ kind: 'text', text: found.description }]);
  }
}

function sourceOf(module: DeclarationReflection): string | undefined {
  return module.sources?.[0]?.fullFileName;
}

/** typedoc holds what belongs to the project's package to its rules, and no other: each package has its turn. */
function validate(app: Application, project: ProjectReflection, packages: readonly PublishedPackage[]): void {
  for (const { name } of packages) {
    project.packageName = name;
    app.options.setValue('packagesRequiringDocumentation', [name]);
    app.validate(project);
  }
}
