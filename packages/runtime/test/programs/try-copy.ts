/** `try-copy.ts INDEX OPTIONS`: runs a program with the runtime at INDEX; prints its output, or the refusal as JSON. */
const [index = '', options = ''] = process.argv.slice(2);
const { Runtime } = (await import(index)) as typeof import('@hatchery/runtime');
try {
  await using runtime = await Runtime.open(JSON.parse(options) as object);
  await using sandbox = await runtime.create();
  const { stdout } = await sandbox.run(['echo', 'in a sandbox']);
  process.stdout.write(stdout);
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  process.stdout.write(JSON.stringify({ code, message }));
}
