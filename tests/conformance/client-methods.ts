import ts from 'typescript';

/**
 * Every public method of a client package, `Class.method` or `Class#method` (of an instance) or `function()`, taken from the
 * types that it ships: those of exported classes and of the classes that only their instances lead to, without what is
 * private, protected, of an error, or of another exported class that it extends.
 *
 * @param types the package's files of types, each a module
 */
export function clientMethods(types: readonly string[]): string[] {
  const program = ts.createProgram([...types], { skipLibCheck: true, module: ts.ModuleKind.NodeNext, types: [] });
  const checker = program.getTypeChecker();
  const exported = types
    .flatMap((path) => checker.getExportsOfModule(moduleOf(program, checker, path)))
    .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol));
  const classes = new Set(exported.filter(({ flags }) => flags & ts.SymbolFlags.Class));
  const methods = exported.flatMap((symbol) => methodsOf(symbol, checker, classes));
  return [...new Set(methods)].toSorted();
}

function moduleOf(program: ts.Program, checker: ts.TypeChecker, path: string): ts.Symbol {
  const source = program.getSourceFile(path);
  const found = source && checker.getSymbolAtLocation(source);
  if (found === undefined) throw new Error(`${path} exports nothing`);
  return found;
}

function methodsOf(symbol: ts.Symbol, checker: ts.TypeChecker, classes: ReadonlySet<ts.Symbol>): string[] {
  const { name } = symbol;
  if (symbol.flags & ts.SymbolFlags.Function) return [`${name}()`];
  const instance = checker.getDeclaredTypeOfSymbol(symbol);
  if (isError(instance, checker)) return [];
  if (symbol.flags & ts.SymbolFlags.Class) {
    const statics = checker.getTypeOfSymbol(symbol).getProperties();
    return [
      ...callable(statics, checker).map((method) => `${name}.${method}`),
      ...instanceMethods(name, instance, checker, (property) => !isInherited(property, symbol, classes)),
    ];
  }
  // A value that is called, with methods of its own, such as Template.
  if (symbol.flags & ts.SymbolFlags.Variable) {
    const type = checker.getTypeOfSymbol(symbol);
    if (type.getCallSignatures().length === 0) return [];
    return [`${name}()`, ...callable(type.getProperties(), checker).map((method) => `${name}.${method}`)];
  }
  if (symbol.flags & ts.SymbolFlags.Interface) return instanceMethods(name, instance, checker);
  return [];
}

function instanceMethods(
  name: string,
  type: ts.Type,
  checker: ts.TypeChecker,
  isOwn: (property: ts.Symbol) => boolean = () => true,
): string[] {
  return callable(type.getProperties().filter(isOwn), checker).map((method) => `${name}#${method}`);
}

/** Of a class that is asked about itself, too. */
function isInherited(property: ts.Symbol, of: ts.Symbol, classes: ReadonlySet<ts.Symbol>): boolean {
  const { parent } = property as ts.Symbol & { readonly parent?: ts.Symbol };
  return parent !== undefined && parent !== of && classes.has(parent);
}

/** Names of what is called and is neither private nor protected. */
function callable(symbols: readonly ts.Symbol[], checker: ts.TypeChecker): string[] {
  return (
    symbols
      .filter(
        (symbol) =>
          symbol.flags & (ts.SymbolFlags.Method | ts.SymbolFlags.Function) || isCallableValue(symbol, checker),
      )
      .filter(({ declarations = [] }) => !declarations.some(isHidden))
      .map(({ name }) => name)
      // What is named by a symbol, as disposal is, calls another one.
      .filter((name) => !name.startsWith('__@'))
  );
}

function isCallableValue(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  // Optional callbacks of option bags are given to the client, not called by its user.
  if (symbol.flags & ts.SymbolFlags.Optional || !(symbol.flags & ts.SymbolFlags.Property)) return false;
  return checker.getTypeOfSymbol(symbol).getCallSignatures().length > 0;
}

function isHidden(declaration: ts.Declaration): boolean {
  const flags = ts.getCombinedModifierFlags(declaration);
  return (flags & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0;
}

function isError(type: ts.Type, checker: ts.TypeChecker): boolean {
  const names = (of: ts.Type): string[] => [
    of.symbol?.name ?? '',
    ...(of.isClassOrInterface() ? checker.getBaseTypes(of).flatMap(names) : []),
  ];
  return names(type).includes('Error');
}
