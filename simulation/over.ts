/** An object with some of its members in the place of others; what is not named is the object's own. */
export function over<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get(own, name) {
      const value: unknown = Reflect.get(Object.hasOwn(members, name) ? members : own, name);
      return typeof value === 'function' && !Object.hasOwn(members, name) ? value.bind(own) : value;
    },
  });
}
