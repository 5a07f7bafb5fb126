/**
 * How deep components and groups of a dictionary nest, and how much a message becomes with its components written out.
 * A component that is named twice in each of thirty others is a billion fields: what is too much is found here, where
 * each component is looked at once, before anything is written out.
 */

import { MAX_COMPONENT_DEPTH, MAX_GROUP_DEPTH } from './rules.ts';
import type { XmlElement } from './xml.ts';

/** Fields of one message or component, those of its components and groups among them; the largest published have 5,200. */
const MAX_MEMBERS = 20_000;

interface Extent {
  /** Fields, counts and components, with all that is in them. */
  readonly members: number;
  /** Components in components. */
  readonly components: number;
  /** Groups in groups, through components. */
  readonly groups: number;
}

const NOTHING: Extent = { members: 0, components: 0, groups: 0 };

export class Nesting {
  readonly #components: ReadonlyMap<string, XmlElement>;
  readonly #mistake: (element: XmlElement, text: string) => void;
  readonly #known = new Map<string, Extent>();
  readonly #open = new Set<string>();

  constructor(components: ReadonlyMap<string, XmlElement>, mistake: (element: XmlElement, text: string) => void) {
    this.#components = components;
    this.#mistake = mistake;
    for (const name of components.keys()) this.#component(name);
  }

  /** Checks a message, the header or the trailer, which are written out as components are. */
  check(element: XmlElement): void {
    this.#judged(element, this.#within(element));
  }

  #component(name: string): Extent {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const element = this.#components.get(name);
    if (element === undefined) return NOTHING;
    if (this.#open.has(name)) {
      this.#mistake(element, `component ${name} contains itself`);
      return NOTHING;
    }
    // Measuring recurses: a chain that is too long is not followed to its end.
    if (this.#open.size > MAX_COMPONENT_DEPTH) return { ...NOTHING, components: MAX_COMPONENT_DEPTH + 1 };
    this.#open.add(name);
    const extent = this.#judged(element, this.#within(element));
    this.#open.delete(name);
    this.#known.set(name, extent);
    return extent;
  }

  #within(parent: XmlElement): Extent {
    let { members, components, groups } = NOTHING;
    for (const child of parent.children) {
      members += 1;
      if (child.name === 'component') {
        const inner = this.#component(child.attributes.name ?? '');
        members += inner.members;
        components = Math.max(components, inner.components + 1);
        groups = Math.max(groups, inner.groups);
      } else if (child.name === 'group') {
        const inner = this.#within(child);
        members += inner.members;
        components = Math.max(components, inner.components);
        groups = Math.max(groups, inner.groups + 1);
      }
    }
    return { members, components, groups };
  }

  /** What has been said of one is not said again of each that contains it. */
  #judged(element: XmlElement, extent: Extent): Extent {
    const { members, components, groups } = extent;
    const name = element.attributes.name ?? element.name;
    let wrong: string | undefined;
    if (members > MAX_MEMBERS) wrong = `${name} has more than ${MAX_MEMBERS} fields with its components written out`;
    else if (components > MAX_COMPONENT_DEPTH)
      wrong = `${name}: components nested more than ${MAX_COMPONENT_DEPTH} deep`;
    else if (groups > MAX_GROUP_DEPTH) wrong = `${name}: groups nested more than ${MAX_GROUP_DEPTH} deep`;
    if (wrong === undefined) return extent;
    this.#mistake(element, wrong);
    return NOTHING;
  }
}
