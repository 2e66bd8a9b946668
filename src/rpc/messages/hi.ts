import type { Texts } from "./texts.js";

/** Hindi. */
export const hi: Texts = {
  SESSION_INACTIVITY_TIMEOUT: "निष्क्रियता के कारण सत्र समाप्त हो गया",
  SESSION_LIMIT_EXCEEDED: "एक साथ चलने वाले सत्रों की अधिकतम संख्या पार हो गई है",
  SESSION_REVOKED_OR_INVALID: "सत्र रद्द कर दिया गया है या अमान्य है",
  ACCESS_TOKEN_BLACKLISTED: "एक्सेस टोकन रद्द कर दिया गया है",
  SESSION_EXPIRED: "सत्र की अधिकतम अवधि पूरी हो गई है",
  ACCESS_TOKEN_EXPIRED: "एक्सेस टोकन की समय-सीमा समाप्त हो गई है",
  ACCESS_TOKEN_INVALID: "एक्सेस टोकन अमान्य है",
  REFRESH_TOKEN_INVALID: "रिफ़्रेश टोकन अमान्य है",
  REFRESH_TOKEN_REUSED: "रिफ़्रेश टोकन पहले ही उपयोग किया जा चुका है",
  INVALID_CREDENTIALS: "उपयोगकर्ता नाम या पासवर्ड गलत है",
  CREDENTIALS_MISSING: "प्रमाणीकरण जानकारी नहीं दी गई है",
  USER_INACTIVE: "उपयोगकर्ता अमान्य या निष्क्रिय है",
  TOO_MANY_ATTEMPTS: "बहुत अधिक प्रयास हो चुके हैं, बाद में फिर कोशिश करें",
  PERMISSION_DENIED: "अनुमति नहीं है",
  NOT_FOUND: "नहीं मिला",
  ALREADY_EXISTS: "पहले से मौजूद है",
  INVALID_ARGUMENT: "अनुरोध अमान्य है",
  DEPENDENCY_UNAVAILABLE: "सेवा अस्थायी रूप से उपलब्ध नहीं है, फिर कोशिश करें",
  DEADLINE_EXCEEDED: "अनुरोध में बहुत अधिक समय लगा",
  REVISION_OUT_OF_RANGE: "स्ट्रीम को यहाँ से दोबारा शुरू नहीं किया जा सकता",
  WATCH_FELL_BEHIND: "स्ट्रीम पीछे रह गई है, इसे दोबारा शुरू करें",
  UNIMPLEMENTED: "यह कार्रवाई समर्थित नहीं है",
  INTERNAL: "आंतरिक त्रुटि",
  LOGOUT_DONE: "सफलतापूर्वक लॉग आउट किया गया",
};
