/**
 * What other chunks take from the widget: they are functions of this (parts/later.ts), so there is one copy of everything,
 * whichever file brought it. The build makes a list of it; KIT in build.mjs says which modules it stands for.
 */

import { Fragment, h } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError } from "./api.ts";
import { emit, link, plainLink } from "./host.ts";
import { Skeleton } from "./parts/skeleton.tsx";
import { tell } from "./parts/failures.ts";
import { Check, described, FieldErrorText, Head, TextField } from "./parts/field.tsx";
import { focus, focusOn, show } from "./parts/hooks.ts";
import { Icon } from "./parts/icon.tsx";
import { json } from "./parts/json.ts";
import { useLater, warm } from "./parts/later.ts";
import { complain, Refusal, refuses } from "./parts/refusal.tsx";
import { useSite } from "./parts/site.ts";
import { quietly, randomKey, supporter } from "./parts/storage.ts";

export const kit = {
  ApiError, Check, complain, described, emit, FieldErrorText, focus, focusOn, Fragment, h, Head, Icon, json, link, plainLink, quietly,
  randomKey, Refusal, refuses, show, Skeleton, supporter, tell, TextField, useEffect, useLater,
  useLayoutEffect, useMemo, useRef, useSite, useState, warm,
};
