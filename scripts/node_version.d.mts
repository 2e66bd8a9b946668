export declare const complaintAboutNode: (version: string) => string | undefined;
