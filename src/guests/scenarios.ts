// The scenarios that ship with the lab, one row each: the file is `public/scenarios/NAME.json`.

export interface ShippedScenario {
  /** What a person types. */
  readonly name: string;
  /** As in the file. */
  readonly title: string;
}

export const scenarios: readonly ShippedScenario[] = [
  { name: 'two-linux', title: 'Two Linux VMs fetch a page from each other' },
  { name: 'neighbours', title: 'A guest that tries every way out, beside one that must not notice' },
  { name: 'techniques', title: 'One guest under every technique' },
  { name: 'nested', title: 'A hypervisor in a guest' },
];

/** Path below the page's base. */
export const scenarioPath = ({ name }: ShippedScenario): string => `scenarios/${name}.json`;
