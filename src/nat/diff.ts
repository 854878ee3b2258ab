/** One family's change. */
export type FamilyChange = readonly string[];
export interface NatChange { readonly ip: FamilyChange; readonly ip6: FamilyChange }
