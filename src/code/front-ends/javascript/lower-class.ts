import type { ClassInfo, Field, FunctionInfo } from '../../flow-graph/functions.ts'
import { type Ast, listOf } from './ast.ts'
import { keyText, type Lowering, typeText } from './lowering.ts'
import { LOWER } from './recursion.ts'

const FORMS = new Map<string, FunctionInfo['form']>([
  ['constructor', 'constructor'],
  ['get', 'getter'],
  ['set', 'setter'],
])

export function lowerClass(lowering: Lowering, node: Ast, name: string): ClassInfo {
  const methods: FunctionInfo[] = []
  const fields: Field[] = []
  const made: ClassInfo = {
    name: node.id?.name ?? name,
    module: lowering.module,
    superClass: node.superClass === null ? null : LOWER.expression(lowering, node.superClass),
    methods,
    fields,
    decorators: LOWER.decorators(lowering, node),
    at: node.start,
    end: node.end,
  }
  lowering.classes.push(made)
  const outer = lowering.class
  for (const member of listOf(node.body.body)) {
    lowering.class = made
    switch (member.type) {
      case 'MethodDefinition':
        if (member.value.body === null) break
        methods.push(
          LOWER.function(lowering, member.value, {
            name: keyText(member.key, member.computed) ?? '',
            form: FORMS.get(member.kind) ?? 'method',
            static: member.static,
            member,
          }),
        )
        break
      case 'PropertyDefinition':
      case 'AccessorProperty': {
        const key = keyText(member.key, member.computed)
        fields.push({
          name: key,
          value:
            (member.value as Ast | null) === null
              ? null
              : LOWER.expression(lowering, member.value, key ?? ''),
          static: member.static,
          type: typeText(lowering, member),
          decorators: LOWER.decorators(lowering, member),
          at: member.start,
          end: member.end,
        })
        break
      }
      case 'StaticBlock': {
        const block = { ...member, type: 'BlockStatement' } as Ast
        const shell = { ...member, body: block, params: [], id: null, async: false, generator: false } as Ast
        methods.push(LOWER.function(lowering, shell, { name: 'static', form: 'method', static: true }))
        break
      }
      default:
    }
  }
  lowering.class = outer
  return made
}
