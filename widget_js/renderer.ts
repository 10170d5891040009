/**
 * Draws components written for Preact: the part of its contract that this widget uses, in a fifth of its size, which
 * is a third of what the whole form may weigh. The build puts this file in its place (`npm run build -- --preact`
 * does not, for comparing the two). Differences: every change draws the whole tree of its root, which is small here;
 * effects run directly after drawing; there is one context a root; there are no classes, no hydration, no error boundaries.
 */

type Child = VNode | string | number | boolean | null | undefined | Child[];
type Props = Record<string, any>;
type Component = (props: Props) => Child;
interface VNode { type: string | Component; props: Props; key: unknown; children: Child[] }
interface Context { Provider: Component }
interface Hook { value?: any; set?: any; deps?: unknown[] | undefined; run?: (() => unknown) | null; stop?: unknown }
/** What is on screen for a node: an element or text with its `node`, a component or fragment with its `kids` only. */
interface Item { type: unknown; key: unknown; props: Props; node?: any; kids: (Item | null)[]; hooks: Hook[] }
interface Root { item: Item; vnode: Child; waiting?: boolean; context?: unknown }

const TEXT = 0;
let root: Root;
let hooks: Hook[];
let cursor = 0;
let effects: Hook[] = [];

export const Fragment = ({ children }: Props): Child => children;

export function h(type: VNode["type"], props: Props | null, ...children: Child[]): VNode {
  return { type, props: props || {}, key: props ? props.key : undefined, children };
}

export function render(vnode: Child, place: Element): void {
  const known = place as Element & { drawn?: Root };
  const target = known.drawn = known.drawn || { item: { type: "", key: 0, props: {}, node: place, kids: [], hooks: [] }, vnode };
  target.vnode = vnode;
  draw(target);
}

function draw(target: Root): void {
  root = target;
  target.waiting = false;
  children(target.item, [target.vnode], target.item.node, null, false);
  for (const hook of effects.splice(0)) {
    stop(hook);
    hook.stop = hook.run!();
  }
}

function stop(hook: Hook): void {
  if (typeof hook.stop === "function") hook.stop();
  hook.stop = null;
}

const same = (item: Item | null | undefined, type: unknown, key: unknown) => item && item.type === type && item.key === key;

/** Brings the kids of `item` in line with `list`, from the last to the first; returns the first node drawn, else `before`. */
function children(item: Item, list: Child[], parent: Node, before: Node | null, svg: boolean): Node | null {
  const old = item.kids.slice();
  const nodes = list.map(child => child == null || typeof child === "boolean" ? null
    : Array.isArray(child) ? h(Fragment as Component, null, ...child)
    : typeof child === "object" ? child : { type: TEXT as never, props: { data: child + "" }, key: undefined, children: [] });
  const kids = nodes.map((node, index) => {
    if (!node) return null;
    const { key } = node;
    const at = same(old[index], node.type, key) ? index : key === undefined ? -1 : old.findIndex(one => same(one, node.type, key));
    if (at < 0) return { type: node.type, key, props: {}, kids: [], hooks: [] } as Item;
    const kept = old[at]!;
    old[at] = null;
    return kept;
  });
  old.forEach(one => one && remove(one, true));
  item.kids = kids;
  for (let index = kids.length; index--;) {
    if (kids[index]) before = update(kids[index]!, nodes[index]!, parent, before, svg);
  }
  return before;
}

function update(item: Item, { type, props, children: inner }: VNode, parent: Node, before: Node | null, svg: boolean): Node | null {
  if (typeof type === "function") {
    hooks = item.hooks;
    cursor = 0;
    const drawn = type({ ...props, children: inner });
    return children(item, Array.isArray(drawn) ? drawn : [drawn], parent, before, svg);
  }
  svg = svg || type === "svg";
  const fresh = !item.node;
  const node = item.node = item.node || ((type as unknown) === TEXT ? new Text() : svg ? document.createElementNS("http://www.w3.org/2000/svg", type) : document.createElement(type));
  if (inner.length || item.kids.length) children(item, inner, node, null, svg);
  // Properties follow the children: a select takes its value only when it has the option.
  for (const name in { ...item.props, ...props }) assign(node, name, props[name], item.props[name], svg);
  item.props = props;
  if (fresh || node.nextSibling !== before) parent.insertBefore(node, before);
  return node;
}

function assign(node: any, name: string, value: any, old: any, svg: boolean): void {
  if (name === "ref") value && (value.current = node);
  else if (name === "key" || name === "children") return;
  // What a handler returns must not count: false would cancel the event.
  else if (name[0] === "o" && name[1] === "n") node[name.toLowerCase()] = value && ((event: Event) => void value(event));
  // What the person did to a control counts as its old value.
  else if (value === (name === "value" || name === "checked" ? node[name] : old)) return;
  else if (name in node && !svg && value != null) node[name] = value;
  else if (value == null || (value === false && name[4] !== "-")) node.removeAttribute(name);
  else node.setAttribute(name, value);
}

function remove(item: Item, detach: boolean): void {
  item.hooks.forEach(stop);
  if (item.props.ref) item.props.ref.current = null;
  if (item.node && detach) item.node.remove();
  item.kids.forEach(kid => kid && remove(kid, detach && !item.node));
}

function hook(): Hook {
  return hooks[cursor++] || (hooks[cursor - 1] = {});
}

export function useState(initial: any): [any, (next: any) => void] {
  const mine = hook();
  if (!mine.set) {
    const owner = root;
    mine.value = typeof initial === "function" ? initial() : initial;
    mine.set = (next: any) => {
      mine.value = typeof next === "function" ? next(mine.value) : next;
      if (!owner.waiting) {
        owner.waiting = true;
        void Promise.resolve().then(() => owner.waiting && draw(owner));
      }
    };
  }
  return [mine.value, mine.set];
}

const changed = (mine: Hook, deps?: unknown[]) => {
  const before = mine.deps;
  mine.deps = deps;
  return !before || !deps || deps.some((value, index) => value !== before[index]);
};

export function useEffect(run: () => unknown, deps?: unknown[]): void {
  const mine = hook();
  if (changed(mine, deps)) {
    mine.run = run;
    effects.push(mine);
  }
}
export const useLayoutEffect = useEffect;

export function useMemo(make: () => any, deps: unknown[]): any {
  const mine = hook();
  if (changed(mine, deps)) mine.value = make();
  return mine.value;
}

export const useRef = (initial: unknown): any => useMemo(() => ({ current: initial }), []);

/** One context a root, from its provider on. */
export const createContext = (): Context => ({
  Provider: ({ value, children: inner }) => {
    root.context = value;
    return inner;
  },
});
export const useContext = (_: Context): unknown => root.context;
