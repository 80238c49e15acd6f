import { DockerfileParser, JSONInstruction, type ModifiableInstruction } from 'dockerfile-ast';
import { readDeployFile } from './deploy-file.ts';

/** One instruction of a Containerfile. */
export interface RecipeStep {
  /** In capitals: `COPY`. */
  readonly keyword: string;
  /** Its words; those of the JSON form as they are executed. */
  readonly words: readonly string[];
  /** `--from` of a COPY. */
  readonly from: string | null;
  /** In the JSON form, which no shell takes apart. */
  readonly isJson: boolean;
}

/** From one FROM up to the next. */
export interface RecipeStage {
  readonly base: string;
  readonly name: string | null;
  readonly steps: readonly RecipeStep[];
}

/** The stages of deploy/Containerfile, or of another text. */
export function readRecipe(text: string = readDeployFile('Containerfile')): RecipeStage[] {
  const stages: { base: string; name: string | null; steps: RecipeStep[] }[] = [];
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    const words = instruction.getArguments().map((argument) => argument.getValue());
    const keyword = instruction.getKeyword();
    if (keyword === 'FROM') {
      stages.push({
        base: words[0] ?? '',
        name: words[1]?.toUpperCase() === 'AS' ? (words[2] ?? null) : null,
        steps: [],
      });
      continue;
    }
    const json = instruction instanceof JSONInstruction ? instruction.getJSONStrings() : [];
    const flags = (instruction as Partial<ModifiableInstruction>).getFlags?.() ?? [];
    stages.at(-1)?.steps.push({
      keyword,
      words: json.length === 0 ? words : json.map((word) => word.getJSONValue()),
      from: flags.find((flag) => flag.getName() === 'from')?.getValue() ?? null,
      isJson: json.length > 0,
    });
  }
  return stages;
}

/** What of the last stage a container is started with. */
export function startWords(stages: readonly RecipeStage[]): {
  readonly entry: readonly string[];
  readonly command: readonly string[];
} {
  const steps = stages.at(-1)?.steps ?? [];
  const last = (keyword: string): readonly string[] => steps.findLast((step) => step.keyword === keyword)?.words ?? [];
  return { entry: last('ENTRYPOINT'), command: last('CMD') };
}

/** The packages that a stage installs with apt-get. */
export function installedPackages(stage: RecipeStage): string[] {
  return stage.steps
    .filter(({ keyword }) => keyword === 'RUN')
    .flatMap(({ words }) => words.join(' ').split('&&'))
    .map((command) => command.trim().split(/\s+/))
    .filter(([program, verb]) => program === 'apt-get' && verb === 'install')
    .flatMap((command) => command.slice(2).filter((word) => !word.startsWith('-')));
}
