/** The Todo application of AuthZEN's interoperability scenario, by its rules. */

export const todoSchema = `
definition address { relation holder: user }
definition user {
  relation application: application
  permission can_read_user = application->everybody
}
definition application {
  relation everybody: user:*
  relation editor: user
  relation admin: user
  relation evil_genius: user
}
definition todo {
  relation application: application
  relation owner: address#holder
  permission can_read_todos = application->everybody
  permission can_create_todo = application->editor + application->admin + application->evil_genius
  permission own = application->editor & owner
  permission can_update_todo = application->evil_genius + own
  permission can_delete_todo = application->admin + own
}`;

/** Whose todo it is stands in the request alone, and so does that the todo is the application's. */
export const todoMapping = `
contextualTuples:
  - when: { resource: todo }
    object: { type: todo, id: "{resource.id}" }
    relation: application
    subject: { type: application, id: todos }
  - when: { resource: user }
    object: { type: user, id: "{resource.id}" }
    relation: application
    subject: { type: application, id: todos }
  - when: { resource: todo }
    object: { type: todo, id: "{resource.id}" }
    relation: owner
    subject: { type: address, id: "{resource.properties.ownerID}", relation: holder }
`;

const people = { rick: "CiRmZDA2", morty: "CiRmZDE2", summer: "CiRmZDI2", beth: "CiRmZDM2", jerry: "CiRmZDQ2" } as const;
const addresses = { rick: "rick@the-citadel.com", morty: "morty@the-citadel.com", summer: "summer@the-smiths.com", beth: "beth@the-smiths.com", jerry: "jerry@the-smiths.com" } as const;

/** @param id the whole id of the person whose id begins so */
export function todoTuples(id: (beginning: string) => string): string[] {
  const names = Object.keys(people) as (keyof typeof people)[];
  const roles = [["admin", "rick"], ["evil_genius", "rick"], ["editor", "morty"], ["editor", "summer"]] as const;
  return [
    "application:todos#everybody@user:*",
    ...roles.map(([role, name]) => `application:todos#${role}@user:${id(people[name])}`),
    ...names.map((name) => `address:${addresses[name]}#holder@user:${id(people[name])}`),
  ];
}
