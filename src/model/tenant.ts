/** A namespace of names and addresses. Tenants may use the same subnets and never reach each other. */
export interface Tenant {
  readonly name: string;
  /** It is being deleted: nothing new may use it. */
  readonly deleting?: true;
}
