export declare const packages: (inputs: string[]) => string[];
export declare function licences(inputs: string[], root?: string): Promise<string>;
