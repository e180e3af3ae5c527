import { CASE_ROUTES } from "./case-routes.ts";
import { DECISION_ROUTES } from "./decision-routes.ts";
import { HOLD_ROUTES } from "./hold-routes.ts";
import { LOGIN_ROUTES } from "./login-routes.ts";
import { PEOPLE_ROUTES } from "./people-routes.ts";
import { POLICY_ROUTES } from "./policy-routes.ts";
import { REPORT_ROUTES } from "./report-routes.ts";
import type { Route } from "./route.ts";
import { SECOND_REVIEW_ROUTES } from "./second-review-routes.ts";

/** Everything below `/admin/api`: what is not in this table is not there, and who may call it stands beside it. */
export const ADMIN_ROUTES: readonly Route[] = [
  ...LOGIN_ROUTES,
  ...CASE_ROUTES,
  ...DECISION_ROUTES,
  ...SECOND_REVIEW_ROUTES,
  ...PEOPLE_ROUTES,
  ...HOLD_ROUTES,
  ...POLICY_ROUTES,
  ...REPORT_ROUTES,
];
