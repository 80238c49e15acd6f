import { join } from 'node:path';
import ts from 'typescript';
import { packageDirectory } from './client.ts';

/**
 * Every public method of a client package, `Class.method` or `Class#method` (of an instance) or `function()`, taken from the
 * types that it ships: those of exported classes and of the classes that only their instances lead to, without what is
 * private, protected, or of an error.
 */
export function clientMethods(packageName: string): string[] {
  const types = join(packageDirectory(packageName), 'dist/index.d.mts');
  const program = ts.createProgram([types], { skipLibCheck: true, module: ts.ModuleKind.NodeNext, types: [] });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(types);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${types} exports nothing`);
  const methods = checker
    .getExportsOfModule(module)
    .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
    .flatMap((symbol) => methodsOf(symbol, checker));
  return [...new Set(methods)].toSorted();
}

function methodsOf(symbol: ts.Symbol, checker: ts.TypeChecker): string[] {
  const { name } = symbol;
  if (symbol.flags & ts.SymbolFlags.Function) return [`${name}()`];
  const instance = checker.getDeclaredTypeOfSymbol(symbol);
  if (isError(instance, checker)) return [];
  if (symbol.flags & ts.SymbolFlags.Class) {
    const statics = checker.getTypeOfSymbol(symbol).getProperties();
    return [
      ...callable(statics, checker).map((method) => `${name}.${method}`),
      ...instanceMethods(name, instance, checker),
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

function instanceMethods(name: string, type: ts.Type, checker: ts.TypeChecker): string[] {
  return callable(type.getProperties(), checker).map((method) => `${name}#${method}`);
}

/** Names of what is called and is neither private nor protected. */
function callable(symbols: readonly ts.Symbol[], checker: ts.TypeChecker): string[] {
  return symbols
    .filter(
      (symbol) => symbol.flags & (ts.SymbolFlags.Method | ts.SymbolFlags.Function) || isCallableValue(symbol, checker),
    )
    .filter(({ declarations = [] }) => !declarations.some(isHidden))
    .map(({ name }) => name);
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
