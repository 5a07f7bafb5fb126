/** The whole product, as local/product.ts starts it. */
export * from '../../local/product.ts';
