import type { JsonObject } from '../action/json.ts'
import { described, duration, listOf, map, name, text } from './schema-words.ts'
import { ROLES } from './compile-people.ts'

const member: JsonObject = { ...name, description: 'An e-mail address, or a value of roles_claim.' }

/** `people:`. */
export const peopleSchema: JsonObject = described(
  'Who may log in to the console, and what they may do there.',
  map({
    oidc: described(
      'The identity provider with which people log in (OpenID Connect).',
      map(
        {
          issuer: text('Its address, as it names itself; https, save on this machine.'),
          client_id: text('As whom Belay is registered there.'),
          client_secret: text('$NAME of an environment variable. Without it, a public client.'),
          roles_claim: text('The claim of the ID token that lists groups or roles. Default: groups.'),
          name_claim: text(
            'The claim that names the person as approvers do. Default: email, when it is verified.',
          ),
          scopes: listOf('What is asked for beside openid. Default: email and profile.', text('A scope.')),
        },
        ['issuer', 'client_id'],
      ),
    ),
    roles: described(
      'Who has which role: e-mail addresses, and values of roles_claim.',
      map(Object.fromEntries(ROLES.map((role) => [role, listOf(`Who is ${role}.`, member)]))),
    ),
    public_url: text(
      'Where people reach Belay, when that is not where it listens: https://belay.example.com',
    ),
    login: described(
      'How long people stay logged in.',
      map({ idle: duration('Without use. Default: 8h.'), longest: duration('In all. Default: 7d.') }),
    ),
  }),
)
